#include "shm/span_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

namespace mabeam::shm {
namespace {

constexpr std::size_t kNoSpan = ~std::size_t{0};

class Tree {
 public:
  explicit Tree(std::vector<SpanView>& spans) : spans_(spans), children_(spans.size()) {}

  std::vector<SpanView> ordered() {
    std::sort(spans_.begin(), spans_.end(), is_earlier);
    index_ids();
    std::vector<std::size_t> roots;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      const std::size_t parent = parent_of(i);
      if (parent == kNoSpan) roots.push_back(i);
      if (parent != kNoSpan) children_[parent].push_back(i);
    }
    is_out_.resize(spans_.size());
    result_.reserve(spans_.size());
    for (const std::size_t root : roots)
      put_out(root);
    for (std::size_t i = 0; i < spans_.size(); ++i)
      put_out(i);  // what is in or below a circle
    return std::move(result_);
  }

 private:
  using Key = std::tuple<TraceId, SpanId, std::size_t>;

  static bool is_earlier(const SpanView& a, const SpanView& b) {
    return std::tie(a.sent_ns, a.started_ns, a.trace, a.id) <
           std::tie(b.sent_ns, b.started_ns, b.trace, b.id);
  }

  void index_ids() {
    ids_.reserve(spans_.size());
    for (std::size_t i = 0; i < spans_.size(); ++i)
      ids_.emplace_back(spans_[i].trace, spans_[i].id, i);
    std::sort(ids_.begin(), ids_.end());
  }

  [[nodiscard]] std::size_t parent_of(std::size_t index) const {
    const SpanView& span = spans_[index];
    if (span.parent == SpanId::none || span.parent == span.id) return kNoSpan;
    const auto found =
        std::lower_bound(ids_.begin(), ids_.end(), Key{span.trace, span.parent, std::size_t{0}});
    const bool is_there = found != ids_.end() && std::get<0>(*found) == span.trace &&
                          std::get<1>(*found) == span.parent;
    return is_there ? std::get<2>(*found) : kNoSpan;
  }

  /// It and all below it, without recursion: a chain may be as long as there are spans.
  void put_out(std::size_t root) {
    std::vector<std::pair<std::size_t, std::uint32_t>> open{{root, 0}};
    while (!open.empty()) {
      const auto [index, depth] = open.back();
      open.pop_back();
      if (is_out_[index]) continue;
      is_out_[index] = true;
      result_.push_back(std::move(spans_[index]));
      result_.back().depth = depth;
      const std::vector<std::size_t>& below = children_[index];
      for (auto child = below.rbegin(); child != below.rend(); ++child)
        open.emplace_back(*child, depth + 1);
    }
  }

  std::vector<SpanView>& spans_;
  std::vector<std::vector<std::size_t>> children_;
  std::vector<Key> ids_;
  std::vector<bool> is_out_;
  std::vector<SpanView> result_;
};

}  // namespace

void order_as_tree(std::vector<SpanView>& spans) {
  std::vector<SpanView> ordered = Tree{spans}.ordered();
  spans = std::move(ordered);
}

}  // namespace mabeam::shm
