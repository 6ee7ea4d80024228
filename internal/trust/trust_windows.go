package trust

import "io/fs"

const dontWait = 0

// A file of Windows has an access list, which is its folder's: by it the folders of a
// user are the user's alone.

func ownedByUser(fs.FileInfo) bool { return true }

func stranger(fs.FileInfo) string { return "" }

func owner(fs.FileInfo) string { return "" }

func othersMay(fs.FileInfo, fs.FileMode) bool { return false }
