#include "tools/cli/connect.hpp"

#include "tools/cli/encoding.hpp"

namespace mabeam::tools {

Outcome<Client> attach_client(const Arguments& arguments, ClientOptions options) {
  const std::string runtime = arguments.runtime();
  Result<Client> client = Client::attach(runtime, options);
  if (!client) return refuse_attach(client.error(), runtime);
  return std::move(*client);
}

Outcome<Observer> open_view(const Arguments& arguments) {
  if (const auto path = arguments.value("file")) {
    Result<Observer> observer = Observer::open_file(std::string(*path));
    if (!observer) return refuse_file(observer.error(), *path);
    return std::move(*observer);
  }
  const std::string runtime = arguments.runtime();
  Result<Observer> observer = Observer::attach(runtime);
  if (!observer) return refuse_attach(observer.error(), runtime);
  return std::move(*observer);
}

Outcome<AgentId> find_agent(const Client& client, std::string_view agent) {
  const Result<AgentId> found = client.find(agent);
  if (found) return *found;
  if (found.error().code != Errc::not_found) {
    return refuse(found.error(), "agent '" + one_line(agent) + "'");
  }
  return tl::unexpected(Failure{.exit = Exit::refused,
                                .code = std::string(code_name(Errc::not_found)),
                                .message = "there is no agent '" + one_line(agent) +
                                           "'; 'mabeam agents' lists those that there are"});
}

}  // namespace mabeam::tools
