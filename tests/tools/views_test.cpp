#include "tools/views.hpp"

#include "tools/event_text.hpp"

#include <gtest/gtest.h>

#include <cstddef>

namespace mabeam::tools {

namespace {

RuntimeView sample_runtime() {
  RuntimeView view;
  view.name = "prod";
  view.state = RuntimeState::running;
  WorkerView healthy;
  healthy.pid = 43;
  healthy.state = WorkerState::ready;
  healthy.shards = {0, 2};
  healthy.agents = 3;
  healthy.memory_bytes = 4096;
  healthy.uptime_seconds = 1.5;
  WorkerView gone;
  gone.index = 1;
  gone.state = WorkerState::backoff;
  gone.restarts = 2;
  gone.last_exit = ExitView{.cause = ExitCause::signal, .code = 0, .signal = 9, .time_unix_ns = 77};
  view.workers = {healthy, gone};
  return view;
}

TEST(Views, PsHasTheFieldsOfTheContract) {
  const Json expected = Json::parse(R"({
    "runtime": "prod", "state": "running", "supervisor": {"pid": null}, "workers": [
      {"index": 0, "pid": 43, "state": "ready", "restarts": 0, "shards": [0, 2], "agents": 3,
       "memory_bytes": 4096, "memory_limit_bytes": 0, "breaker": "closed", "uptime_seconds": 1.5,
       "last_exit": null},
      {"index": 1, "pid": null, "state": "backoff", "restarts": 2, "shards": [], "agents": 0,
       "memory_bytes": 0, "memory_limit_bytes": 0, "breaker": "closed", "uptime_seconds": 0.0,
       "last_exit": {"cause": "signal", "code": 0, "signal": 9, "time_unix_ns": 77}}]})");
  EXPECT_EQ(ps_document(sample_runtime()), expected);
}

TEST(Views, LimitsHaveTheFieldsOfTheContract) {
  LimitsView view;
  view.memory_mechanism = LimitMechanism::cgroup_v1;
  view.memory = {.used = 10, .limit = 20};
  view.agents = {.used = 1, .limit = 2};
  view.clients = {.used = 3, .limit = 4};
  WorkerLimitsView worker;
  worker.pid = 43;
  worker.is_closed = true;
  worker.memory = {.used = 5, .limit = 6};
  worker.memory_soft_bytes = 4;
  worker.processes = {.used = 7, .limit = 64};
  worker.files = 9;
  worker.files_limit = 1024;
  view.workers = {worker};
  view.rates = {{.name = "agent_creation", .rate = 5, .burst = 6, .is_shadow = true, .refused = 8},
                {.name = "type_agent_creation", .type = "counter", .granted = 9}};
  view.tables = {{"timers of shard 3", {.used = 2, .limit = 9}}};
  const Json expected = Json::parse(R"({
    "mechanism": "cgroup_v1", "processes_mechanism": "none",
    "memory_bytes": 10, "memory_limit_bytes": 20, "agents": 1, "agents_limit": 2,
    "clients": 3, "clients_limit": 4,
    "workers": [{"index": 0, "pid": 43, "takes_new_agents": false, "memory_bytes": 5,
                 "memory_soft_bytes": 4, "memory_limit_bytes": 6, "processes": 7,
                 "processes_limit": 64, "open_files": 9, "open_files_limit": 1024}],
    "rates": [{"name": "agent_creation", "rate": 5, "burst": 6, "shadow": true, "granted": 0,
               "refused": 8},
              {"name": "type_agent_creation", "rate": 0, "burst": 0, "shadow": false, "granted": 9,
               "refused": 0, "type": "counter"}],
    "tables": [{"name": "timers of shard 3", "used": 2, "limit": 9}]})");
  EXPECT_EQ(limits_document(view), expected);
}

TEST(Views, AgentsHaveTheFieldsOfTheContract) {
  AgentView agent;
  agent.id = AgentId(0x0100000200000003);
  agent.name = "jobs";
  agent.type = "counter";
  agent.shard = 1;
  agent.lifecycle = Lifecycle::ready;
  agent.version = 8;
  agent.capabilities = {"count"};
  const Json expected = Json::parse(R"({"agents": [
      {"id": "0100000200000003", "name": "jobs", "type": "counter", "shard": 1, "worker": null,
       "lifecycle": "ready", "reason": null, "version": 8, "capabilities": ["count"]}],
       "total": 5})");
  EXPECT_EQ(agents_document({.agents = {agent}, .total = 5}), expected);
}

TEST(Views, StatsHaveTheFieldsOfTheContract) {
  StatsView view;
  view.messages = {
      .sent = 1, .delivered = 2, .redelivered = 3, .refused = 4, .expired = 5, .dead_lettered = 6};
  view.events = {.published = 7, .delivered = 8, .missed = 9};
  view.agents = {.live = 10, .created = 11, .stopped = 12};
  view.latency_ns = {.p50 = 13, .p99 = 14, .p999 = 15, .max = 16};
  const Json expected = Json::parse(R"({
    "messages": {"sent": 1, "delivered": 2, "redelivered": 3, "refused": 4, "expired": 5,
                 "dead_lettered": 6},
    "events": {"published": 7, "delivered": 8, "missed": 9},
    "agents": {"live": 10, "created": 11, "stopped": 12},
    "latency_ns": {"p50": 13, "p99": 14, "p999": 15, "max": 16}})");
  EXPECT_EQ(stats_document(view), expected);
}

TEST(Views, HealthHasTheFieldsOfTheContract) {
  using Status = HealthView::Status;
  const HealthView view{.status = Status::down,
                        .is_live = true,
                        .readiness = "no worker is ready",
                        .components = {{"supervisor", Status::down, "gone"}}};
  EXPECT_EQ(health_document(view), Json::parse(R"({"status": "down", "live": true, "ready": false,
                "readiness": "no worker is ready", "components": [
                {"name": "supervisor", "status": "down", "detail": "gone"}]})"));
}

TEST(Views, VerifyListsTheDamage) {
  VerifyView view;
  view.damage = {{"shard 2, slot 17", "name too long"}};
  view.damage_total = 3;
  view.checked_bytes = 100;
  view.records = 7;
  EXPECT_EQ(verify_document(view), Json::parse(R"({
      "damage": [{"where": "shard 2, slot 17", "what": "name too long"}],
      "damage_total": 3, "checked_bytes": 100, "agents": 0, "records": 7})"));
}

TEST(Views, DeadLettersHaveTheFieldsOfTheContract) {
  DeadLetterView letter;
  letter.id = DeadLetterId(static_cast<EndpointId>(2), 7);
  letter.reason = "expired";
  letter.kind = "signal";
  letter.source = AgentId(1);
  letter.target = AgentId(2);
  letter.name = "add";
  letter.age_seconds = 1.5;
  letter.is_replayable = true;
  letter.payload = {std::byte{'h'}, std::byte{'i'}};
  letter.payload_bytes = 2;
  letter.content = Content::text;
  DeadLetterList list{.letters = {letter}, .total = 3, .buried = 9, .by_reason = {{"expired", 9}}};
  const Json document = dead_letters_document(list);
  EXPECT_EQ(document["deadletters"], Json::parse(R"([
      {"id": "0200000000000007", "reason": "expired", "kind": "signal",
       "source": "0000000000000001", "target": "0000000000000002", "name": "add",
       "age_seconds": 1.5, "replayable": true, "content": "text", "payload_bytes": 2,
       "payload_text": "hi"}])"));
  EXPECT_EQ(document["total"], 3);
  EXPECT_EQ(document["by_reason"], Json::parse(R"({"expired": 9})"));
  list.letters[0].payload = {std::byte{0xFF}};
  EXPECT_EQ(dead_letters_document(list)["deadletters"][0]["payload_base64"], "/w==");
}

TEST(Views, InspectShowsTheStateInBothForms) {
  AgentDetail detail;
  detail.agent.id = AgentId(1);
  detail.reason = "handler_failed";
  detail.state_bytes = 1;
  detail.state = {{std::byte{0xFF}}};
  detail.subscriptions = {"job.*"};
  const Json document = inspect_document(detail, 1.5, "{\"count\":1}");
  EXPECT_EQ(document["reason"], "handler_failed");
  EXPECT_EQ(document["parent"], nullptr);
  EXPECT_EQ(document["subscriptions"], Json::parse(R"(["job.*"])"));
  EXPECT_EQ(document["metadata"], nullptr);
  EXPECT_EQ(document["state"],
            Json::parse(R"({"state_version": 0, "state_bytes": 1, "durable": true,
      "described": {"count": 1}, "payload_base64": "/w=="})"));
  detail.state.reset();
  const Json blind = inspect_document(detail, 1.5, std::nullopt);
  EXPECT_EQ(blind["state"]["described"], nullptr);
  EXPECT_EQ(blind["state"]["payload_base64"], nullptr);
  detail.metadata = R"({"owner":"ops"})";
  EXPECT_EQ(inspect_document(detail, 1.5, std::nullopt)["metadata"], detail.metadata);
  EXPECT_EQ(inspect_document(detail, 1.5, "no json")["state"]["described"], "no json");
}

TEST(Views, TypesListTheirActions) {
  const TypeView type{.name = "jobs",
                      .state_version = 2,
                      .state_bytes = 8,
                      .can_describe = true,
                      .module = "/lib/jobs.so",
                      .agents = 3,
                      .actions = {{"run", "runs one"}}};
  EXPECT_EQ(types_document({type, TypeView{}}), Json::parse(R"([
      {"name": "jobs", "state_version": 2, "state_bytes": 8, "serialized": false,
       "durable": true, "describes": true,
       "module": "/lib/jobs.so", "agents": 3,
       "actions": [{"name": "run", "description": "runs one"}]},
      {"name": "", "state_version": 0, "state_bytes": 0, "serialized": false,
       "durable": true, "describes": false, "module": null,
       "agents": 0, "actions": []}])"));
  EXPECT_NE(actions_table({type}).find("runs one"), std::string::npos);
}

TEST(Views, EventShowsItsPayload) {
  HistoryEvent event;
  event.topic = "counter.changed";
  event.payload = {std::byte{5}, std::byte{0}, std::byte{0}, std::byte{0},
                   std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}};
  event.content = Content::i64;
  event.source = AgentId(1);
  event.log = 1;
  event.sequence = 9;
  event.emitted_ns = 77;
  EXPECT_EQ(event_document(event), Json::parse(R"({
      "topic": "counter.changed", "source": "0000000000000001", "log": 1, "sequence": 9, "content": "i64",
      "payload_text": "5", "emitted_ns": 77})"));
  event.content = Content::bytes;
  event.payload = {std::byte{0xFF}};
  EXPECT_EQ(event_document(event)["payload_base64"], "/w==");
}

TEST(Views, HistorySaysWhatIsGoneOfEachLog) {
  HistoryView view{.events = {}, .matched = 3, .gone = 40, .unreadable = 1, .logs = {}};
  view.logs = {{.log = 3, .name = "client 0", .gone = 40, .kept = 60, .next = 100}};
  EXPECT_EQ(history_document(view), Json::parse(R"({
      "events": [], "matched": 3, "gone": 40, "unreadable": 1, "logs": [
      {"log": 3, "name": "client 0", "gone": 40, "kept": 60, "next": 100, "damaged": false}]})"));
}

TEST(Views, TopicsNameTheirSubscribers) {
  TopicsView view;
  view.topics = {{.topic = "job.done", .events = 0, .subscribers = 1, .patterns = {"job.*"}}};
  view.patterns = {{.pattern = "job.*", .subscribers = {{AgentId(1), 77}}, .topics = 0}};
  EXPECT_EQ(topics_document(view), Json::parse(R"({
      "topics": [{"topic": "job.done", "events": 0, "last_ns": null, "subscribers": 1,
                  "patterns": ["job.*"]}],
      "patterns": [{"pattern": "job.*", "topics": 0, "subscribers": [
                    {"id": "0000000000000001", "client": false, "since_ns": 77}]}],
      "gone": 0})"));
}

TEST(Views, ChannelsSayWhoHoldsThem) {
  ChannelsView view;
  ChannelView channel{.from = 1, .to = 3, .from_name = "shard 0", .to_name = "client 0"};
  channel.priority = Priority::low;
  channel.capacity_bytes = 4096;
  channel.used_bytes = 64;
  channel.high_water_bytes = 4000;
  channel.total_bytes = 9000;
  view.channels = {channel};
  LogView log{.log = 1, .name = "shard 0"};
  log.readers = {{.reader = 2, .name = "shard 1", .behind_bytes = 8, .is_evicted = true}};
  view.logs = {log};
  EXPECT_EQ(channels_document(view), Json::parse(R"({
      "channels": [{"from": 1, "to": 3, "from_name": "shard 0", "to_name": "client 0",
        "priority": "low", "waiting": null, "used_bytes": 64, "high_water_bytes": 4000,
        "capacity_bytes": 4096, "total_bytes": 9000}],
      "logs": [{"log": 1, "name": "shard 0", "events": 0, "used_bytes": 0, "kept_bytes": 0,
        "high_water_bytes": 0, "capacity_bytes": 0, "evictions": 0, "readers": [
        {"reader": 2, "name": "shard 1", "behind_bytes": 8, "evicted": true}]}],
      "damaged": 0})"));
}

}  // namespace

}  // namespace mabeam::tools
