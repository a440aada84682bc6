package graph

import (
	"github.com/mileusna/useragent"

	"github.com/authgraph/authgraph/model"
)

// Device is what a session is used from.
type Device struct {
	Name   string
	Client model.OptionalString
	System model.OptionalString
	Kind   DeviceKind
}

// newDevice reads a User-Agent header.
func newDevice(header string) *Device {
	agent := useragent.Parse(header)
	device := &Device{
		Client: model.OptionalString(agent.Name),
		System: model.OptionalString(agent.OS),
		Kind:   DeviceKindUnknown,
	}
	switch {
	case agent.Bot:
		device.Kind = DeviceKindBot
	case agent.Tablet:
		device.Kind = DeviceKindTablet
	case agent.Mobile:
		device.Kind = DeviceKindMobile
	case agent.Desktop:
		device.Kind = DeviceKindDesktop
	}
	switch {
	case agent.Name != "" && agent.OS != "":
		device.Name = agent.Name + " on " + agent.OS
	case agent.Name != "":
		device.Name = agent.Name
	default:
		device.Name = "Unknown device"
	}
	return device
}
