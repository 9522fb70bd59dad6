using Xenlet.Linker.Unwinding;
using Xenlet.Shared.Unwinding;

namespace Xenlet.Linker.Tests.Unwinding;

public sealed class MethodRuleTests
{
    public static TheoryData<byte[], string> Refused => new()
    {
        { [0x0A], "there is the instruction 0x0a" },
        { [0x0F, 1, 0], "there is the instruction 0x0f" },
        { [0xC3], "register 3 is restored within a method" },
        { [0x0D, 5], "the CFA is counted from register 5, which is neither rsp nor rbp" },
        { [0x0E, 7], "the CFA is 7 bytes from its register, which is no frame's size" },
        { [0x0E, 0], "the CFA is 0 bytes from its register, which is no frame's size" },
        { [0x80, 2], "register 0 is saved, which no function preserves" },
        { [0x91, 2], "register 17 is saved, which no function preserves" },
        { [0x83, 0], "register 3 is saved 0 words below the CFA, where 1 to 255 can be told" },
        { [0x83, 0x80, 2], "register 3 is saved 256 words below the CFA, where 1 to 255 can be told" },
        { [0x83, 2, 0x83, 3], "register 3 is saved twice" },
        { [0x0E, 0x80], "a number does not end" },
        { [0x0E, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], "a number does not end" },
        { [0x0E, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], "the number 34359738367 is larger than any that a frame needs" },
        { [0x02], "a number does not end" },
        { [0x04, 0, 0, 1], "a number does not end" },
        { [0x04, 0, 0, 1, 0], "the prolog goes on for 65536 bytes, where at most 65535 can be told" },
        { [0x04, 0, 0, 0, 0x80], "a prolog of 2147483648 bytes" },
    };

    [Fact]
    public void A_prologs_instructions_become_rows_and_saved_registers()
    {
        foreach (SampleMethod method in SampleMethod.Make(1, 500))
        {
            MethodRule rule = MethodRule.Read(method.Instructions);
            Assert.Equal(
                method.Rows.Select(row => new MethodRow(row.Distance, row.IsFromFramePointer, row.CfaOffset, row.Saved.Count)),
                rule.Rows);
            Assert.Equal(method.Rows[^1].Saved.Select(saved => new SavedRegister(saved.Register, saved.Slot)), rule.Saved);
        }
    }

    [Fact]
    public void A_rules_bytes_are_the_saved_registers_and_the_rows_the_last_first()
    {
        // push rbp; push r15; sub rsp, 0x18; lea rbp, [rsp+0x20]
        MethodRule rule = MethodRule.Read([0x41, 0x0E, 16, 0x86, 2, 0x42, 0x0E, 24, 0x8F, 3, 0x44, 0x0E, 48, 0x45, 0x0C, 6, 16]);
        Assert.Equal(
            [
                2, 4, 2, 14, 3,
                16, 0, 0, 0x80, 12, 0, 2, 0,
                48, 0, 0, 0, 7, 0, 2, 0,
                24, 0, 0, 0, 3, 0, 2, 0,
                16, 0, 0, 0, 1, 0, 1, 0,
                8, 0, 0, 0, 0, 0, 0, 0,
            ],
            rule.ToBytes());
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_a_rule_cannot_say_is_refused_and_named(byte[] instructions, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidDataException>(() => MethodRule.Read(instructions)).Message);
}
