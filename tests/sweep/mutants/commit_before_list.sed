# turn_sweep shm/turn.cpp: the commit store comes before the list is whole
/^  seal(next);$/ { N; s/\(.*\)\n\(.*\)/\2\n\1/ }
