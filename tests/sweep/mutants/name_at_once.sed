# name_sweep worker/agents.cpp: a name is entered before the turn that makes its agent is committed
/^  return changes_\.stage(WordKind::name, \*place\.free/i\  table_.name_word(*place.free).store(shm::NameWord{tag, slot}.pack());
