# parking_sweep worker/parking.cpp: a message is parked at once, and once more after a crash
s/^  shm::compose(\*room, message);/&\n  producer_.publish();/
