# create_sweep worker/agents.cpp: a new agent is there before its turn is committed
/^  stamps_\[\*slot\] = stamp_;/i\  agent.slot_word.store(born.pack());
