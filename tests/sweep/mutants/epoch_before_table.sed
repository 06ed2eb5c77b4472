# subscribe_sweep shm/turn.cpp: the epoch is raised before the table of subscriptions has changed
s/if (bump && !is_structure(entry\.kind))/if (bump)/
