// Google's client for Go as a filter: a call on each line of stdin, its outcome on each line of stdout.
//
// In:  {"method": "events.list", "params": {...}, "body": {...}, "etag": "..."}; with "walk": true it is the client that
// follows the pages
// Out: {"status": 200, "data": what came, "held": what the client made of it} or {"status": 404, "error": {...}}
//
// The client's call is found by reflection: events.list with {"calendarId": C, "maxResults": 5} is
// service.Events.List(C).MaxResults(5).Do().
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"

	"golang.org/x/oauth2"
	"google.golang.org/api/calendar/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
)

type request struct {
	Method string
	Params map[string]json.RawMessage
	Body   json.RawMessage
	Etag   string
	Walk   bool
}

type answer struct {
	Status int             `json:"status"`
	Data   json.RawMessage `json:"data,omitempty"`
	Held   interface{}     `json:"held,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

// tap keeps the last body as it came, after the transport unpacked it.
type tap struct{ last []byte }

func (t *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	t.last, err = io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(t.last))
	return response, err
}

func upper(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// take decodes a parameter as the type that the client has for it, and removes it.
func take(params map[string]json.RawMessage, name string, as reflect.Type) reflect.Value {
	value := reflect.New(as)
	if err := json.Unmarshal(params[name], value.Interface()); err != nil {
		panic(err)
	}
	delete(params, name)
	return value.Elem()
}

// prepare returns the client's call, and as options what this version of it does not know.
func prepare(service *calendar.Service, r request) (reflect.Value, []reflect.Value) {
	resource, verb, _ := strings.Cut(r.Method, ".")
	make := reflect.ValueOf(service).Elem().FieldByName(upper(resource)).MethodByName(upper(verb))
	var arguments []reflect.Value
	for i := 0; i < make.Type().NumIn(); i++ {
		if as := make.Type().In(i); as.Kind() == reflect.Ptr {
			arguments = append(arguments, take(map[string]json.RawMessage{"": r.Body}, "", as))
			continue
		}
		for _, name := range []string{"calendarId", "eventId", "ruleId", "setting"} {
			if _, there := r.Params[name]; there {
				arguments = append(arguments, take(r.Params, name, make.Type().In(i)))
				break
			}
		}
	}
	call := make.Call(arguments)[0]
	var options []reflect.Value
	for name := range r.Params {
		set := call.MethodByName(upper(name))
		if !set.IsValid() {
			values := take(r.Params, name, reflect.TypeOf([]string{})).Interface().([]string)
			options = append(options, reflect.ValueOf(googleapi.QueryParameter(name, values...)))
			continue
		}
		as := set.Type().In(0)
		if !set.Type().IsVariadic() {
			set.Call([]reflect.Value{take(r.Params, name, as)})
		} else if r.Params[name][0] == '[' {
			set.CallSlice([]reflect.Value{take(r.Params, name, as)})
		} else {
			set.Call([]reflect.Value{take(r.Params, name, as.Elem())})
		}
	}
	if r.Etag != "" {
		call.MethodByName("IfNoneMatch").Call([]reflect.Value{reflect.ValueOf(r.Etag)})
	}
	return call, options
}

// walk has the client follow the pages, and returns the entries of all of them.
func walk(call reflect.Value) ([]reflect.Value, interface{}) {
	entries := []interface{}{}
	pages := call.MethodByName("Pages")
	visit := pages.Type().In(1)
	note := reflect.MakeFunc(visit, func(page []reflect.Value) []reflect.Value {
		items := page[0].Elem().FieldByName("Items")
		for i := 0; i < items.Len(); i++ {
			entries = append(entries, items.Index(i).Interface())
		}
		return []reflect.Value{reflect.Zero(visit.Out(0))}
	})
	return pages.Call([]reflect.Value{reflect.ValueOf(context.Background()), note}), entries
}

func answerTo(service *calendar.Service, tap *tap, r request) answer {
	call, options := prepare(service, r)
	var results []reflect.Value
	a := answer{Status: 200}
	if r.Walk {
		results, a.Held = walk(call)
	} else if results = call.MethodByName("Do").Call(options); len(results) > 1 {
		a.Data, a.Held = tap.last, results[0].Interface()
	}
	err, _ := results[len(results)-1].Interface().(error)
	if err == nil {
		return a
	}
	var refused *googleapi.Error
	if !errors.As(err, &refused) {
		panic(err)
	}
	if a = (answer{Status: refused.Code, Error: json.RawMessage(refused.Body)}); len(refused.Errors) == 0 {
		a.Error, _ = json.Marshal(err.Error()) // none that the client could read
	}
	return a
}

func main() {
	root, ctx := os.Args[1], context.Background()
	config := oauth2.Config{ClientID: "an-id", ClientSecret: "a-secret", Endpoint: oauth2.Endpoint{TokenURL: root + "token"}}
	source := config.TokenSource(ctx, &oauth2.Token{RefreshToken: "a-refresh-token"})
	tap := &tap{}
	client := &http.Client{Transport: &oauth2.Transport{Source: source, Base: tap}}
	service, err := calendar.NewService(ctx, option.WithEndpoint(root+"calendar/v3/"), option.WithHTTPClient(client))
	if err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			panic(err)
		}
		if err := out.Encode(answerTo(service, tap, r)); err != nil {
			panic(err)
		}
	}
}
