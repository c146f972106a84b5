/* forms.h - the readers of each form of document, which feed process.h.
 *
 * Each judges everything in its bytes. What is unreadable as a whole fails with a code of class
 * VS_CLASS_REFUSED; what is unreadable in one signature is that signature's FORMAT_FAILURE. */
#ifndef VS_FORMATS_VALIDATION_FORMS_H
#define VS_FORMATS_VALIDATION_FORMS_H
#include "formats/validation/manifests.h"
#include "formats/validation/subject.h"

/* All signatures of one XML file. `file`: the container's entry, or NULL. `box`: what outside
 * references may refer to. */
VS_NODISCARD vs_rc vs_judge_xades(struct vs_context *context, struct vs_bytes text,
                                  const char *file, struct vs_box *box, struct vs_error *err);
/* A whole container. */
VS_NODISCARD vs_rc vs_judge_asic(struct vs_context *context, const struct vs_asic *asic,
                                 struct vs_error *err);
/* A time-stamp token, or a response that holds one, over the box's contents (NULL: none given).
 */
VS_NODISCARD vs_rc vs_judge_token(struct vs_context *context, struct vs_bytes bytes,
                                  struct vs_box *box, struct vs_error *err);
/* All token files of a container. */
VS_NODISCARD vs_rc vs_judge_container_stamps(struct vs_context *context, struct vs_box *box,
                                             const struct vs_manifests *manifests,
                                             struct vs_error *err);
/* An evidence record over the box's contents together (NULL: none given), or all of a
 * container. What a record that holds covers is proved by it: the box's objects get its time.
 */
VS_NODISCARD vs_rc vs_judge_record_file(struct vs_context *context, struct vs_bytes bytes,
                                        struct vs_box *box, struct vs_error *err);
VS_NODISCARD vs_rc vs_judge_container_records(struct vs_context *context, struct vs_box *box,
                                              const struct vs_manifests *manifests,
                                              struct vs_error *err);
/* A record that a signature holds, over `objects` (of `box`). */
VS_NODISCARD vs_rc vs_judge_embedded_record(struct vs_context *context, struct vs_bytes bytes,
                                            struct vs_box *box,
                                            struct vs_box_object *const *objects, size_t n,
                                            int signature, struct vs_error *err);
/* One signature that could not even be read: FORMAT_FAILURE with `refusal`'s reason. */
VS_NODISCARD vs_rc vs_judge_unreadable(struct vs_context *context, const char *file,
                                       const struct vs_error *refusal, struct vs_error *err);
#endif
