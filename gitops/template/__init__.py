"""Config -> CloudFormation templates and buildspecs. Pure: returns files, reads none but its own catalogues.

`catalogues` says what exists in AWS, `bootstrap` and `buildspecs` what CodeBuild runs. A stack each: `access` (with
`roles`, `cluster_access`, `artifacts`), `observability` (with `alarms`, `dashboard`), `pipeline` (with `repositories`,
`builds`, `pipelines`, `starts`). `stacks` has their order, `names` what things are called, `yaml_text` their form.
"""
