"""Config -> CloudFormation templates and buildspecs. Pure: returns files, reads none but its own catalogues.

`catalogues` says what exists in AWS, `bootstrap` and `buildspecs` what CodeBuild runs, `pipeline`, `access` and
`observability` a stack each, `yaml_text` how it is written down.
"""
