# stop_sweep worker/agents.cpp: an agent is gone before the turn that ends it is committed
/^  slots_ended_\.push_back(slot);/i\  agent.slot_word.store(SlotWord{word.generation, 0}.pack());
