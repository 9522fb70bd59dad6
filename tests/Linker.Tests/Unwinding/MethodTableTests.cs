using Xenlet.Linker.Unwinding;

namespace Xenlet.Linker.Tests.Unwinding;

public sealed class MethodTableTests
{
    [Fact]
    public void Methods_with_equal_prologs_share_a_rule()
    {
        byte[] push = [0x41, 0x0E, 16, 0x86, 2];
        int one = SizeOf(Methods(1000, _ => push));
        int two = SizeOf(Methods(1000, i => i % 2 == 0 ? push : [.. push, 0, 0]));
        int other = SizeOf(Methods(1000, i => i % 2 == 0 ? push : [0x41, 0x0E, 16, 0x83, 2]));
        Assert.Equal(one, two);
        Assert.InRange(other - one, 1, 32);
    }

    [Fact]
    public void More_than_the_table_can_hold_is_refused()
    {
        // A row and a half for each of 20,000 frames of another size.
        InvalidDataException prologs = Assert.Throws<InvalidDataException>(() => SizeOf(Methods(
            20_000, i => [0x44, 0x0E, (byte)(0x80 | (i & 15) << 3), (byte)(0x80 | (i >> 4 & 0x7F)), (byte)(1 + (i >> 11))])));
        Assert.Equal("has 20000 different prologs, 399980 bytes, where 262140 are possible", prologs.Message);
        InvalidDataException data = Assert.Throws<InvalidDataException>(
            () => SizeOf([new Method(0, 1, 1 << 24, MethodRule.Read([]))]));
        Assert.Equal("has 16777216 bytes of data of methods, where 16777216 are possible", data.Message);
    }

    private static IReadOnlyList<Method> Methods(int count, Func<int, byte[]> instructions) =>
        [.. Enumerable.Range(0, count).Select(i => new Method(16 * i, 16, 4 * i, MethodRule.Read(instructions(i))))];

    private static int SizeOf(IReadOnlyList<Method> methods) => MethodTable.Add(new ObjectWriter(), methods).Size;
}
