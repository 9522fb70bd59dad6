using System.Globalization;
using System.Text;
using CsCheck;

namespace Xenlet.Kernel.Tests;

public sealed unsafe class DigitsTests
{
    private static readonly Gen<ulong> Numbers = Gen.OneOf(
        Gen.ULong, Gen.ULong[0, 1000], Gen.Select(Gen.ULong, Gen.Int[0, 63], (number, shift) => number >> shift));

    [Theory]
    [InlineData(0ul, "0")]
    [InlineData(9ul, "9")]
    [InlineData(10ul, "10")]
    [InlineData(255ul, "255")]
    [InlineData(10_000_000_000_000_000_000ul, "10000000000000000000")]
    [InlineData(ulong.MaxValue, "18446744073709551615")]
    public void A_number_is_written_in_decimal(ulong value, string expected) => Assert.Equal(expected, Decimal(value));

    [Theory]
    [InlineData(0ul, 1, "0")]
    [InlineData(0ul, 16, "0000000000000000")]
    [InlineData(0xfful, 1, "ff")]
    [InlineData(0x10ul, 2, "10")]
    [InlineData(0x123ul, 2, "123")]
    [InlineData(0xabcdeful, 16, "0000000000abcdef")]
    [InlineData(ulong.MaxValue, 1, "ffffffffffffffff")]
    public void A_number_is_written_in_hexadecimal(ulong value, int least, string expected) =>
        Assert.Equal(expected, Hexadecimal(value, least));

    [Fact]
    public void Any_number_is_written_as_the_library_does() => Gen.Select(Numbers, Gen.Int[1, 16]).Sample((value, least) =>
    {
        Assert.Equal(value.ToString(CultureInfo.InvariantCulture), Decimal(value));
        Assert.Equal(value.ToString($"x{least}", CultureInfo.InvariantCulture), Hexadecimal(value, least));
    });

    private static string Decimal(ulong value)
    {
        byte* digits = stackalloc byte[Digits.Maximum];
        return Encoding.ASCII.GetString(digits, Digits.WriteDecimal(value, digits));
    }

    private static string Hexadecimal(ulong value, int least)
    {
        byte* digits = stackalloc byte[Digits.Maximum];
        return Encoding.ASCII.GetString(digits, Digits.WriteHexadecimal(value, least, digits));
    }
}
