# client_events_sweep shm/client_events.cpp: a client's entry is in force before it has cursors
/if (done) done = begin_reading/ { N; s/\(.*\)\n\(.*\)/\2\n\1/ }
