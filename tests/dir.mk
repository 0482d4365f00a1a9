checks += tests/check-layers tests/check-src
