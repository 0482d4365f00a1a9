programs += queue_exercise
queue_exercise_srcs := tests/fault/queue_exercise.c
queue_exercise_to := none
