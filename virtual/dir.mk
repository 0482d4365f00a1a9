programs += virtual
virtual_srcs := virtual/main.c virtual/conf.c virtual/deliver.c
