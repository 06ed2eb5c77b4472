# block_sweep shm/block_writer.cpp: a block is given back before its record has been read
s/return head >= block\.record_end ? Fate::over : Fate::held;/return head > 0 ? Fate::over : Fate::held;/
