// OutputMarks: how a worker says in its output which agent has printed it.
//
//      1E  16 hexadecimal digits  1F  what the agent has printed  1E 1F
//
// Both bytes are separators of ASCII that no text for people has in it. One that has, or a child
// that writes in between, costs a wrong label and nothing else.
#pragma once

namespace mabeam::shm {

inline constexpr char kMarkBegin = '\x1E';
inline constexpr char kMarkEnd = '\x1F';

}  // namespace mabeam::shm
