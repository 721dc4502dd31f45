"""The `smoketest` console script: for pipelines and monitors that reach a project by HTTP and have no Django."""
