# move_sweep worker/hosting.cpp: a shard is taken from nobody alone, not from the dead
s/^  if (is_free({owner})) {$/  if (owner == 0) {/
