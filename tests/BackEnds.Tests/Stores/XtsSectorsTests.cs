using Xenlet.BackEnds.Stores;

namespace Xenlet.BackEnds.Tests.Stores;

/// <summary>XTS-AES against the vectors of IEEE 1619 and against OpenSSL, by the processor's instructions and by tables.</summary>
public sealed class XtsSectorsTests
{
    /// <summary>Whether to use the processor's instructions: both, where the processor has them.</summary>
    private static readonly bool[] Ways = AesBlocks.IsInProcessor ? [true, false] : [false];

    /// <summary>Vectors 1, 2, 3, 4 and 10 of IEEE 1619, annex B; of the long ones the first 32 bytes.</summary>
    [Theory]
    [InlineData(
        "00000000000000000000000000000000", "00000000000000000000000000000000", 0UL, "00", 32,
        "917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e")]
    [InlineData(
        "11111111111111111111111111111111", "22222222222222222222222222222222", 0x3333333333UL, "44", 32,
        "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0")]
    [InlineData(
        "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0", "22222222222222222222222222222222", 0x3333333333UL, "44", 32,
        "af85336b597afc1a900b2eb21ec949d292df4c047e0b21532186a5971a227a89")]
    [InlineData(
        "27182818284590452353602874713526", "31415926535897932384626433832795", 0UL, null, 512,
        "27a7479befa1d476489f308cd4cfa6e2a96e4bbe3208ff25287dd3819616e89c")]
    [InlineData(
        "2718281828459045235360287471352662497757247093699959574966967627",
        "3141592653589793238462643383279502884197169399375105820974944592", 0xffUL, null, 512,
        "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b")]
    public void A_vector_of_the_standard_encrypts_to_what_the_standard_says(
        string dataKey, string tweakKey, ulong number, string? filling, int length, string expected)
    {
        byte[] plain = [.. Enumerable.Range(0, length).Select(i => filling is null ? (byte)i : Convert.ToByte(filling, 16))];
        foreach (bool usesProcessor in Ways)
        {
            XtsSectors sectors = new(Convert.FromHexString(dataKey + tweakKey), usesProcessor);
            byte[] sector = [.. plain];

            sectors.Encrypt(number, sector);

            Assert.Equal(expected, Convert.ToHexStringLower(sector.AsSpan(0, 32)));
            sectors.Decrypt(number, sector);
            Assert.Equal(plain, sector);
        }
    }

    [Theory]
    [InlineData(32, 512)]
    [InlineData(64, 512)]
    [InlineData(64, 4096)]
    [InlineData(64, 16 * 7)]
    public void What_is_encrypted_is_what_OpenSSL_makes_of_it(int keyLength, int length)
    {
        Random random = new(length);
        foreach (ulong number in (ulong[])[0, 1, 255, uint.MaxValue, 1UL << 32, ulong.MaxValue])
        {
            byte[] key = new byte[keyLength];
            byte[] plain = new byte[length];
            random.NextBytes(key);
            random.NextBytes(plain);
            byte[] expected = OpenSsl.Encrypt(key, number, plain);
            foreach (bool usesProcessor in Ways)
            {
                XtsSectors sectors = new(key, usesProcessor);
                byte[] sector = [.. plain];

                sectors.Encrypt(number, sector);

                Assert.Equal(expected, sector);
                sectors.Decrypt(number, sector);
                Assert.Equal(plain, sector);
            }
        }
    }
}
