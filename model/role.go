package model

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
)

// RoleAdmin is the name of the built-in role that holds every permission.
const RoleAdmin = "admin"

// Role is a named set of permissions that users can hold.
type Role struct {
	ID          string `bun:",pk"`
	Name        string
	Description string
	Permissions Permissions
	CreatedAt   Time
	UpdatedAt   Time
}

// IsNode marks Role as an object that can be fetched by its id.
func (*Role) IsNode() {}

// UserRole says that a user holds a role.
type UserRole struct {
	UserID    string `bun:",pk"`
	RoleID    string `bun:",pk"`
	GrantedAt Time
}

// Permissions is a set of permission names (`noun:verb`), sorted. It is kept as one text,
// separated by spaces, which no name contains.
type Permissions []string

// Contains reports whether the set holds permission.
func (p Permissions) Contains(permission string) bool { return slices.Contains(p, permission) }

// Value implements driver.Valuer.
func (p Permissions) Value() (driver.Value, error) { return strings.Join(p, " "), nil }

// Scan implements sql.Scanner.
func (p *Permissions) Scan(src any) error {
	switch text := src.(type) {
	case string:
		*p = strings.Fields(text)
	case []byte:
		*p = strings.Fields(string(text))
	default:
		return fmt.Errorf("permissions cannot be read from %T", src)
	}
	return nil
}
