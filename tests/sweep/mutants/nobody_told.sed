# client_sweep shm/reclaim.cpp: no shard is told that a dead client may have published
s/if (target != endpoint) segment\.announce/if (target == endpoint) segment.announce/
