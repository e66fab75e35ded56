// SPDX-License-Identifier: BSD-2-Clause
/* Macros of libraries' headers, which cppcheck does not read, as plainly as they can be said. */
#define LIBBPF_OPTS(TYPE, NAME, ...) struct TYPE NAME = {__VA_ARGS__}
#define LIST_HEAD(NAME, TYPE)          \
	struct {                       \
		struct TYPE *lh_first; \
	}
#define LIST_FOREACH(var, head, field) for (var = (head)->lh_first; var; var = next_of(var))
#define json_array_foreach(array, index, value)                                                   \
	for (index = 0; index < json_array_size(array) && (value = json_array_get(array, index)); \
	     index++)
#define json_object_foreach(object, key, value)                                      \
	for (key = first_key(object); key && (value = json_object_get(object, key)); \
	     key = next_key(object, key))
#define mnl_attr_for_each(attr, nlh, offset) \
	for (attr = first_attribute(nlh, offset); attr; attr = next_attribute(attr))
#define mnl_attr_for_each_nested(attr, nest) \
	for (attr = first_attribute(nest, 0); attr; attr = next_attribute(attr))
