package graph

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/authgraph/authgraph/auth"
)

// tokenLimit is how many tokens an operation may have. Validation takes time that grows with
// the square of repeated fields; GraphiQL's introspection query has about 190 tokens.
const tokenLimit = 1000

// maxLoggedName is how much of an operation's name is logged.
const maxLoggedName = 100

// handler serves GraphQL over HTTP, server-sent events and WebSocket.
type handler struct {
	executor *executor.Executor
	auth     *auth.Service
	lasting  lasting

	introspection bool
	getQueries    bool

	log *slog.Logger
}

// Options are what an operator can choose of the endpoint.
type Options struct {
	Introspection bool // whether clients may ask for the schema
	GetQueries    bool // whether queries may be sent by GET
	Manifest      *Manifest
	Unlisted      Unlisted // what becomes of documents that are not in the manifest
	Federation    bool     // whether it serves as a subgraph
	Log           *slog.Logger
}

// Handler is the GraphQL endpoint.
type Handler struct {
	http.Handler
	lasting *lasting
}

// NewHandler returns the GraphQL endpoint. It fails where the schema's guards are wrong
// (CheckSchema). Each operation is logged in one line, never with a variable's value.
func NewHandler(service *auth.Service, options Options) (*Handler, error) {
	if err := CheckSchema(ServedSchema(options.Federation)); err != nil {
		return nil, err
	}
	h := newHandler(service, &Resolver{auth: service}, options)
	return &Handler{service.Middleware(h), &h.lasting}, nil
}

// Shutdown ends all streams and sockets, and refuses new ones, so that their clients come back
// elsewhere. It returns when they are gone or ctx is done. http.Server's Shutdown would wait for
// streams and forget sockets.
func (h *Handler) Shutdown(ctx context.Context) error { return h.lasting.shutdown(ctx) }

// newHandler returns an endpoint that does itself what it need not leave to gqlgen.
func newHandler(service *auth.Service, resolver *Resolver, options Options) *handler {
	h := handlerOf(lean{newExecutable(resolver, options)}, service, options)
	h.executor.AroundFields(writeDirectly)
	return h
}

// newExecutable returns the served schema as gqlgen executes it.
func newExecutable(resolver *Resolver, options Options) *executableSchema {
	return NewExecutableSchema(Config{
		Schema:     ServedSchema(options.Federation),
		Resolvers:  resolver,
		Directives: DirectiveRoot{Auth: resolver.guard},
	}).(*executableSchema)
}

func handlerOf(schema graphql.ExecutableSchema, service *auth.Service, options Options) *handler {
	h := &handler{auth: service, introspection: options.Introspection, getQueries: options.GetQueries, log: options.Log}
	h.executor = executor.New(schema)
	h.executor.SetErrorPresenter(h.present)
	h.executor.SetRecoverFunc(h.recovered)
	h.executor.SetParserTokenLimit(tokenLimit)
	documents := newDocuments(options.Manifest, options.Unlisted, options.Log)
	h.executor.Use(documents)
	h.executor.SetQueryCache(documents)
	h.executor.SetDisableSuggestion(!options.Introspection)
	return h
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	if websocket.IsWebSocketUpgrade(r) {
		h.serveSocket(w, r)
		return
	}
	if wantsEvents(r.Header.Values("Accept")) {
		h.serveEvents(w, r)
		return
	}
	answer := h.answer(w, r)
	h.write(w, r, answer)
	h.logOperation(r.Context(), answer, time.Since(start))
}

// answer is what the endpoint says to one request.
type answer struct {
	status    int
	operation *graphql.OperationContext // nil where there was none
	response  *graphql.Response
}

// answer executes the operation of a request, or refuses it.
func (h *handler) answer(w http.ResponseWriter, r *http.Request) (a answer) {
	ctx := graphql.StartOperationTrace(r.Context())
	defer h.rescue(ctx, &a)
	params, refusal := h.readRequest(w, r)
	if refusal != nil {
		return h.refused(ctx, refusal)
	}
	operation, refused := h.prepare(ctx, params, refuseKind(w, r))
	if refused != nil {
		return *refused
	}
	return h.execute(ctx, operation)
}

// rescue makes a panic the answer: gqlgen recovers in resolvers and nowhere else.
func (h *handler) rescue(ctx context.Context, a *answer) {
	if reason := recover(); reason != nil {
		err := gqlerror.Wrap(h.recovered(ctx, reason))
		*a = answer{status: http.StatusInternalServerError, response: h.executor.DispatchError(ctx, gqlerror.List{err})}
	}
}

// prepare returns an operation that may be executed, or the answer that refuses it. What takes
// it may refuse its kind.
func (h *handler) prepare(ctx context.Context, params *graphql.RawParams, refuseKind func(ast.Operation) *refusal) (*graphql.OperationContext, *answer) {
	operation, errs := h.executor.CreateOperationContext(ctx, params)
	if operation.Operation != nil {
		if refusal := refuseKind(operation.Operation.Operation); refusal != nil {
			a := h.refused(ctx, refusal)
			return nil, &a
		}
	}
	status := http.StatusBadRequest
	if errs == nil {
		status, errs = h.checkOperation(ctx, operation)
	}
	if errs != nil {
		response := h.executor.DispatchError(graphql.WithOperationContext(ctx, operation), errs)
		return nil, &answer{status: status, operation: operation, response: response}
	}
	operation.DisableIntrospection = false // checkOperation has refused it where it is off
	return operation, nil
}

// execute answers a query or a mutation.
func (h *handler) execute(ctx context.Context, operation *graphql.OperationContext) answer {
	next, ctx := h.executor.DispatchOperation(ctx, operation)
	return answer{status: http.StatusOK, operation: operation, response: next(ctx)}
}

// refused is the answer to a request that holds nothing that could be executed.
func (h *handler) refused(ctx context.Context, refusal *refusal) answer {
	err := gqlerror.Wrap(&auth.Error{Code: refusal.code, Message: refusal.message, Field: refusal.field})
	return answer{status: refusal.status, response: h.executor.DispatchError(ctx, gqlerror.List{err})}
}

// checkOperation refuses an operation that asks for too much, or that a page of a foreign origin
// makes a browser send.
func (h *handler) checkOperation(ctx context.Context, operation *graphql.OperationContext) (status int, errs gqlerror.List) {
	survey := surveyOperation(operation)
	if err := h.auth.CheckSite(auth.ViewerFrom(ctx), survey.passwords > 0); err != nil {
		return http.StatusForbidden, gqlerror.List{gqlerror.Wrap(err)}
	}
	err := survey.check(h.introspection)
	if err == nil {
		err = checkConditions(operation)
	}
	if err == nil {
		err = checkSubscription(operation, survey)
	}
	if err != nil {
		return http.StatusBadRequest, gqlerror.List{gqlerror.Wrap(err)}
	}
	return http.StatusOK, nil
}

// logOperation writes the one line of an operation: as a record, for log/slog's own functions first
// look up from where in the code they are called.
func (h *handler) logOperation(ctx context.Context, a answer, took time.Duration) {
	if !h.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	v := auth.ViewerFrom(ctx)
	line := slog.NewRecord(time.Now(), slog.LevelInfo, "operation", 0)
	line.AddAttrs(
		slog.Int("status", a.status),
		slog.Float64("milliseconds", float64(took.Microseconds())/1000),
		slog.String("viewer", v.ID()),
		slog.String("session", v.SessionID()),
		slog.String("address", v.Client.Address.String()),
		slog.String("requestId", v.Client.RequestID),
	)
	if a.operation != nil && a.operation.Operation != nil {
		line.AddAttrs(
			slog.String("kind", string(a.operation.Operation.Operation)),
			slog.String("name", a.operation.Operation.Name[:min(len(a.operation.Operation.Name), maxLoggedName)]))
	}
	if codes := a.codes(); len(codes) > 0 {
		line.AddAttrs(slog.Any("errors", codes))
	}
	_ = h.log.Handler().Handle(ctx, line)
}

// codes returns the code of each error of the answer.
func (a answer) codes() []string {
	var codes []string
	for _, err := range a.response.Errors {
		switch code := err.Extensions["code"].(type) {
		case auth.Code:
			codes = append(codes, string(code))
		case string:
			codes = append(codes, code)
		}
	}
	return codes
}
