/* SPDX-License-Identifier: Apache-2.0 */
/* postalias: make, change and query alias tables. */
#include "mapcmd.h"

int
main(int argc, char **argv)
{
	static struct mapcmd c = {
		.program = "postalias", .options = "c:d:fijnNopq:rsuvw", .is_alias = true,
		.usage = "postalias [-Nfijnoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
	};

	mapcmd_init(&c, argc, argv);
	return mapcmd_run(&c, argv);
}
