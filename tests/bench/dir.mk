benches += tests/bench/task_bench
