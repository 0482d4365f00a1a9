/* SPDX-License-Identifier: Apache-2.0 */
/* postmap: make, change and query lookup tables. */
#include "mapcmd.h"

int
main(int argc, char **argv)
{
	static struct mapcmd c = {
		.program = "postmap", .options = "bc:d:fFhijmnNopq:rsuUvw",
		.usage = "postmap [-bfFhijmnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
	};

	mapcmd_init(&c, argc, argv);
	return mapcmd_run(&c, argv);
}
