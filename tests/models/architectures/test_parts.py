import pytest

from bam.models.architectures.parts import check_parts, is_part, is_part_3

RELU = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}


@pytest.mark.parametrize(
    ("allowed", "module"), [(is_part, "tf_keras.src.layers"), (is_part_3, "keras.src.layers")]
)
def test_modules_count_with_what_is_inside_them_and_not_by_how_their_names_begin(allowed, module):
    assert allowed(module, "Dense")
    assert allowed(f"{module}.core.dense", "Dense")
    assert not allowed(f"{module}_of_mine", "Dense")
    with pytest.raises(ValueError, match=f"it names {module}_of_mine.Dense, which is no part of a network"):
        check_parts([{"layer": {"module": f"{module}_of_mine", "class_name": "Dense"}}], allowed)


def test_programs_are_none_under_the_name_of_a_function_either():
    check_parts({"config": {"activation": RELU}}, is_part_3)
    program = {**RELU, "module": "keras.src.layers", "config": "TFSMLayer"}
    with pytest.raises(ValueError, match="it holds a TFSMLayer, which is a program"):
        check_parts({"config": {"activation": program}}, is_part_3)
    with pytest.raises(ValueError, match="it holds a Lambda, which is a program"):
        check_parts({"class_name": "Lambda", "config": {}}, is_part)
