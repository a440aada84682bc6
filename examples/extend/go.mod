// How a type of one's own is added to authgraph, and the test that it still can be. A module of its
// own, because it is no part of the server; what is in tree/ becomes one where it is laid over it.
module github.com/authgraph/authgraph/examples/extend

go 1.26.0

ignore ./tree
