lib_srcs += lib/mime/encode.c lib/mime/header.c lib/mime/mime.c
unit_tests += lib/mime/mime_test
