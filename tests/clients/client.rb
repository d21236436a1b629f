# Google's client for Ruby as a filter: a call on each line of stdin, its outcome on each line of stdout.
#
# In:  {"method": "events.list", "params": {...}, "body": {...}, "etag": "..."} or {"batch": [calls]}; with "walk": true it is
#      the client that follows the pages
# Out: {"status": 200, "data": what came, "held": what the client made of it} or {"status": 404, "error": {...}}
require 'json'
require 'google/apis/calendar_v3'
require 'signet/oauth_2/client'

Calendar = Google::Apis::CalendarV3
METHODS = {
  'calendarList.list' => :list_calendar_lists, 'calendarList.get' => :get_calendar_list,
  'calendarList.watch' => :watch_calendar_list, 'calendars.get' => :get_calendar, 'colors.get' => :get_color,
  'events.list' => :list_events, 'events.get' => :get_event, 'events.instances' => :list_event_instances,
  'events.watch' => :watch_event, 'freebusy.query' => :query_freebusy, 'settings.list' => :list_settings,
  'settings.get' => :get_setting, 'settings.watch' => :watch_setting, 'acl.list' => :list_acls, 'acl.get' => :get_acl,
  'acl.watch' => :watch_acl, 'channels.stop' => :stop_channel
}.freeze

# Keeps the last body as it came, before the client makes objects of it.
module Tap
  class << self
    attr_accessor :last
  end

  def decode_response_body(content_type, body)
    Tap.last = body
    super
  end
end
Google::Apis::Core::ApiCommand.prepend(Tap)

root = ARGV[0]
SERVICE = Calendar::CalendarService.new
SERVICE.root_url = root
SERVICE.client_options.proxy_url = nil
SERVICE.authorization = Signet::OAuth2::Client.new(
  token_credential_uri: "#{root}token", client_id: 'an-id', client_secret: 'a-secret', refresh_token: 'a-refresh-token'
)

# The client's own call: positional what its method demands, by name what it knows, the rest as part of the query.
def invoke(call, **more, &block)
  name = METHODS.fetch(call['method'])
  known = SERVICE.method(name).parameters
  params = call['params'].dup
  demanded = known.select { |kind, _| kind == :req }.map do |_, argument|
    params.delete(argument.to_s.gsub(/_(.)/) { $1.upcase })
  end
  if call['body']
    body = call['method'] == 'freebusy.query' ? Calendar::FreeBusyRequest : Calendar::Channel
    demanded << body.from_json(call['body'].to_json)
  end
  params = params.transform_keys { |key| key.gsub(/(?<=[a-z])(?=[A-Z])/, '_').downcase.to_sym }
  named, query = params.partition { |key, _| known.include?([:key, key]) }.map(&:to_h)
  options = { query: query.transform_keys { |key| key.to_s.gsub(/_(.)/) { $1.upcase } } }
  options[:header] = { 'If-None-Match' => call['etag'] } if call['etag']
  SERVICE.send(name, *demanded, **named, **more, options: options, &block)
end

def outcome(result, error)
  came = Tap.last.to_s
  return { status: 200, data: came.empty? ? nil : JSON.parse(came), held: result && JSON.parse(result.to_json) } unless error

  reason, body = error.message[/\A([\w.]+): /, 1], error.body.to_s
  # Without a reason it is no error of the API that the client could read.
  { status: error.status_code, error: reason && body[reason] ? JSON.parse(body) : error.message }
end

def answer(call)
  Tap.last = nil
  if call['batch']
    answers = []
    SERVICE.batch { call['batch'].each { |one| invoke(one) { |result, error| answers << outcome(result, error) } } }
    { status: 200, data: answers }
  elsif call['walk']
    items = SERVICE.fetch_all { |token| invoke(call, page_token: token) }
    { status: 200, held: JSON.parse(items.to_a.to_json) }
  else
    outcome(invoke(call), nil)
  end
rescue Google::Apis::Error => e
  outcome(nil, e)
end

$stdout.sync = true
$stdin.each_line { |line| puts answer(JSON.parse(line)).to_json }
