/*
 * Types, objects, references, casts, the look-up of callbacks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"
#include "qom/object.h"

typedef struct AnimalOps {
    int (*legs)(void);
    const char *(*sound)(void);
} AnimalOps;

typedef struct Animal {
    Object parent_obj;
    int inits;
} Animal;

typedef struct Dog {
    Animal animal;
    char *name;
} Dog;

OBJECT_DECLARE_TYPE(Animal, ANIMAL, "animal")
OBJECT_DECLARE_TYPE(Dog, DOG, "dog")

static int finalized;

static int four(void)
{
    return 4;
}

static const char *bark(void)
{
    return "woof";
}

static void animal_init(Object *obj)
{
    g_assert_cmpint(ANIMAL(obj)->inits, ==, 0);
    ANIMAL(obj)->inits = 1;
}

static void dog_init(Object *obj)
{
    g_assert_cmpint(ANIMAL(obj)->inits, ==, 1);
    ANIMAL(obj)->inits = 2;
    DOG(obj)->name = g_strdup("rex");
}

static void dog_finalize(Object *obj)
{
    g_free(DOG(obj)->name);
    finalized++;
}

static const AnimalOps animal_ops = { .legs = four };
static const AnimalOps dog_ops = { .sound = bark };

static const TypeInfo animal_type = {
    .name = "animal",
    .instance_size = sizeof(Animal),
    .abstract = true,
    .class_ops = &animal_ops,
    .instance_init = animal_init,
};

static const TypeInfo dog_type = {
    .name = "dog",
    .parent = "animal",
    .instance_size = sizeof(Dog),
    .class_ops = &dog_ops,
    .instance_init = dog_init,
    .instance_finalize = dog_finalize,
};

/* As large as its parent. */
static const TypeInfo puppy_type = { .name = "puppy", .parent = "dog" };

static const TypeInfo *const types[] = { &puppy_type, &dog_type, &animal_type,
                                         NULL };

static void test_types(void)
{
    g_autoptr(GPtrArray) list = type_list("animal", false);
    g_autoptr(GPtrArray) all = type_list("animal", true);

    g_assert_true(type_find("dog") == &dog_type);
    g_assert_null(type_find("cat"));
    g_assert_true(type_parent(&dog_type) == &animal_type);
    g_assert_true(type_is_a(&puppy_type, "animal"));
    g_assert_true(type_is_a(&puppy_type, TYPE_OBJECT));
    g_assert_false(type_is_a(&animal_type, "dog"));
    g_assert_cmpuint(list->len, ==, 2);
    g_assert_true(list->pdata[0] == &dog_type);
    g_assert_cmpuint(all->len, ==, 3);
    g_assert_null(type_parent(type_find(TYPE_OBJECT)));
}

static void test_life(void)
{
    Object *obj = object_new("puppy");

    g_assert_cmpint(ANIMAL(obj)->inits, ==, 2);
    g_assert_cmpstr(object_get_typename(obj), ==, "puppy");
    object_ref(obj);
    object_unref(obj);
    g_assert_cmpint(finalized, ==, 0);
    object_unref(obj);
    g_assert_cmpint(finalized, ==, 1);
    object_unref(NULL);
    g_assert_null(object_ref(NULL));
}

static void test_embedded(void)
{
    Dog dog = { 0 };

    finalized = 0;
    object_initialize(&dog, sizeof(dog), "dog");
    g_assert_cmpstr(dog.name, ==, "rex");
    object_unref(&dog);
    g_assert_cmpint(finalized, ==, 1);
}

static void test_casts(void)
{
    g_autoptr(Object) obj = object_new("dog");

    g_assert_true(object_dynamic_cast(obj, "animal") == obj);
    g_assert_null(object_dynamic_cast(obj, "puppy"));
    g_assert_null(object_dynamic_cast(NULL, "dog"));
    g_assert_null(DOG(NULL));
}

static void test_ops(void)
{
    g_autoptr(Object) obj = object_new("puppy");
    int (*legs)(void) = OBJECT_FIND_OP(obj, "animal", AnimalOps, legs);
    const char *(*sound)(void) = OBJECT_FIND_OP(obj, "animal", AnimalOps,
                                                sound);

    g_assert_cmpint(legs(), ==, 4);
    g_assert_cmpstr(sound(), ==, "woof");
    g_assert_null(
        (void *)TYPE_FIND_OP(&animal_type, "animal", AnimalOps, sound));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    type_register_table(qom_types);
    type_register_table(types);
    g_test_add_func("/object/types", test_types);
    g_test_add_func("/object/life", test_life);
    g_test_add_func("/object/embedded", test_embedded);
    g_test_add_func("/object/casts", test_casts);
    g_test_add_func("/object/ops", test_ops);
    return g_test_run();
}
