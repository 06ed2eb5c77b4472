# stop_sweep worker/bereaved.cpp: the next owner does not look for whom the last one had marked
s/if (!segment\.exists(parent)) mark(/if (false) mark(/
