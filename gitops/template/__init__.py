"""Config -> CloudFormation templates and buildspecs. Pure: returns files, reads none but its own catalogues.

`catalogues` says what exists in AWS, `bootstrap` and `buildspecs` what CodeBuild runs. A stack each: `access` (by
`roles`, `cluster_access`, `artifacts`), `observability` (by `alarms`, `dashboard`), `pipeline` (by `repositories`,
`builds`, `pipelines`, `starts`). `stacks` has their order, `names` their names, `yaml_text` how they are written.
"""
