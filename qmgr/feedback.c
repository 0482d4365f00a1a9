/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback - how many deliveries to a destination may run at once, learned from how they end
 *
 * A window of N deliveries grows by one when the positive feedback since it last changed adds up to one, and shrinks when the
 * negative feedback does; either may be a constant, x/N or x/sqrt(N).  Failures, 1/N each, add up to pseudo-cohorts: when a whole
 * window's worth has failed with no success in between the destination is dead.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qmgr/qmgr.h"

enum { MILLIONTH = 1000000 };
static const double fudge = 1.0 / MILLIONTH;	/* ten times 0.1 is nearly one */

/* Square root by Newton, so that libm is not needed for one call. */
static double
root(double x)
{
	double r = x > 1 ? x : 1;

	for (int i = 0; i < 40; i++)
		r = (r + x / r) / 2;
	return r;
}

double
feedback_value(const struct feedback *f, double window)
{
	if (window < 1)
		window = 1;
	switch (f->by) {
	case FEED_CONCURRENCY:
		return f->value / window;
	case FEED_SQRT:
		return f->value / root(window);
	default:
		return f->value;
	}
}

int
feedback_parse(const char *text, struct feedback *f, struct err *err)
{
	char *end;

	errno = 0;
	f->value = strtod(text, &end);
	f->by = FEED_CONST;
	while (*end == ' ')
		end++;
	if (*end == '/') {
		for (end++; *end == ' '; end++)
			;
		if (strcmp(end, "concurrency") == 0)
			f->by = FEED_CONCURRENCY;
		else if (strcmp(end, "sqrt_concurrency") == 0)
			f->by = FEED_SQRT;
		else
			end = NULL;
	} else if (*end != '\0') {
		end = NULL;
	}
	if (end != NULL && errno == 0 && f->value >= 0 && f->value <= 1)
		return 0;
	return err_set(err, ERR_CONF, NULL, "bad feedback \"%s\": expected a number from 0 to 1, number/concurrency or number/sqrt_concurrency",
	    text);
}

static void
grow(struct dest *d)
{
	const struct transport *t = d->transport;
	double limit = (double)t->window_limit;

	d->failure = 0;
	d->failed_cohorts = 0;
	/* no growth on success that nobody needed */
	if ((t->window_limit > 0 && d->window >= limit) || d->window >= d->busy + (double)t->window_first)
		return;
	d->success += feedback_value(&t->positive, d->window);
	while (d->success + fudge >= 1) {
		d->window += 1;
		d->success -= 1;
	}
	if (d->success < 0)
		d->success = 0;
	if (t->window_limit > 0 && d->window > limit)
		d->window = limit;
}

static void
shrink(struct dest *d)
{
	const struct transport *t = d->transport;

	d->failed_cohorts += 1 / d->window;
	d->success = 0;
	/* the first failure of a series counts at once */
	if (d->failure <= 0)
		d->failure = 1;
	while (d->failure + fudge >= 1 && d->window > 1) {
		d->window -= 1;
		d->failure -= 1;
	}
	d->failure += feedback_value(&t->negative, d->window);
}

void
dest_feedback(struct dest *d, bool good)
{
	const struct transport *t = d->transport;

	if (d->is_dead)
		return;
	if (good)
		grow(d);
	else
		shrink(d);
	if (t->dest_rate_ms > 0)
		d->window = 1;
}
