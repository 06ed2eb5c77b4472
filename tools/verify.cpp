// mabeam verify: walks every structure of a segment.
#include "tools/cli/arguments.hpp"
#include "tools/cli/connect.hpp"
#include "tools/cli/encoding.hpp"
#include "tools/cli/human.hpp"
#include "tools/cli/output.hpp"
#include "tools/commands.hpp"
#include "tools/views.hpp"

#include <array>
#include <string>

namespace mabeam::tools {

namespace {

std::string text_of(const VerifyView& view) {
  std::string text;
  for (const Damage& damage : view.damage) {
    text += one_line(damage.where) + ": " + one_line(damage.what) + "\n";
  }
  const std::uint64_t unlisted = view.damage_total - view.damage.size();
  if (unlisted != 0) text += "... and " + human_count(unlisted) + " more\n";
  const std::string verdict =
      view.damage_total == 0 ? "no damage" : human_count(view.damage_total) + " damaged";
  return text + verdict + " (checked " + human_bytes(view.checked_bytes) + ", " +
         human_count(view.agents) + " agents, " + human_count(view.records) + " records)\n";
}

Outcome<Exit> run_verify(const Arguments& arguments, Output& output) {
  const auto observer = open_view(arguments);
  if (!observer) return tl::unexpected(observer.error());
  const VerifyView view = observer->verify();
  if (output.json()) {
    output.document(verify_document(view));
  } else {
    output.print(text_of(view));
  }
  return view.damage_total == 0 ? Exit::done : Exit::damaged;
}

constexpr std::array kVerifyOptions{kFileOption};

}  // namespace

Json verify_document(const VerifyView& view) {
  Json damage = Json::array();
  for (const Damage& found : view.damage) {
    damage.push_back({{"where", found.where}, {"what", found.what}});
  }
  return Json{{"damage", damage},
              {"damage_total", view.damage_total},
              {"checked_bytes", view.checked_bytes},
              {"agents", view.agents},
              {"records", view.records}};
}

const Command verify_command{.name = "verify",
                             .summary = "check every structure of a segment; exit 65 on damage",
                             .options = kVerifyOptions,
                             .details =
                                 "Works on a live runtime, beside a hung one, and on a copy "
                                 "of a segment.\n"
                                 "\n"
                                 "Examples:\n"
                                 "  mabeam verify\n"
                                 "  cp /dev/shm/mabeam-prod /tmp/copy && mabeam verify "
                                 "--file /tmp/copy\n",
                             .run = run_verify};

}  // namespace mabeam::tools
