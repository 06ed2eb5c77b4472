# block_sweep worker/outbox.cpp: a turn does not say how far its blocks reach
s/turn\.stage(WordKind::block_tail, 0, arena\.tail_word(), arena\.claimed());/(void)arena.tail_word();/
