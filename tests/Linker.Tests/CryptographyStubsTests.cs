namespace Xenlet.Linker.Tests;

/// <summary>The stubs make Linux's own system call here, as they make the nucleus's in a guest.</summary>
public sealed unsafe class CryptographyStubsTests : IDisposable
{
    // getrandom gives less than 32 MiB at a time.
    private const int More = (32 << 20) + 100;

    private readonly HostImage _image = new();

    public CryptographyStubsTests()
    {
        _image.Load(CryptographyStubs.WithoutOpenSsl());
        _image.Load(CryptographyStubs.WithOpenSsl());
    }

    /// <summary>The functions that fill, and whether a context comes before the buffer.</summary>
    public static TheoryData<string, bool> Generators { get; } = new()
    {
        { "CryptoNative_GetRandomBytes", false },
        { "__wrap_RAND_bytes", false },
        { "__wrap_RAND_priv_bytes", false },
        { "__wrap_RAND_bytes_ex", true },
        { "__wrap_RAND_priv_bytes_ex", true },
    };

    public void Dispose() => _image.Dispose();

    [Theory]
    [MemberData(nameof(Generators))]
    public void Exactly_the_bytes_asked_for_are_random(string name, bool hasContext)
    {
        foreach (int length in (int[])[0, 1, 64, 1000])
        {
            byte[] bytes = new byte[length + 64];
            fixed (byte* start = bytes)
            {
                Assert.Equal(1, Draw(name, hasContext, start + 32, length));
            }

            Assert.All(bytes[..32].Concat(bytes[^32..]), value => Assert.Equal(0, value));
            Assert.True(length < 64 || bytes[32..^32].Distinct().Count() > 16, $"{name} left {length} bytes as they were");
        }
    }

    [Theory]
    [MemberData(nameof(Generators))]
    public void More_than_one_call_gives_is_filled_to_the_end(string name, bool hasContext)
    {
        byte[] bytes = new byte[More];
        fixed (byte* start = bytes)
        {
            Assert.Equal(1, Draw(name, hasContext, start, More));
        }

        Assert.True(bytes[^64..].Distinct().Count() > 16, $"{name} left the last 64 bytes of {More} as they were");
    }

    [Theory]
    [MemberData(nameof(Generators))]
    public void Memory_that_cannot_be_written_is_a_failure(string name, bool hasContext) =>
        Assert.Equal(0, Draw(name, hasContext, (byte*)8, 100));

    [Fact]
    public void A_failure_has_no_number_and_no_text()
    {
        int isAllocationFailure = 1;
        Assert.Equal(0ul, ((delegate* unmanaged<int*, ulong>)_image[CryptographyStubs.GetError])(&isAllocationFailure));
        Assert.Equal(0, isAllocationFailure);
        byte[] text = "xx"u8.ToArray();
        fixed (byte* start = text)
        {
            ((delegate* unmanaged<ulong, byte*, int, void>)_image[CryptographyStubs.DescribeError])(0, start + 1, 0);
            Assert.Equal("xx"u8, text);
            ((delegate* unmanaged<ulong, byte*, int, void>)_image[CryptographyStubs.DescribeError])(0, start + 1, 1);
            Assert.Equal("x\0"u8, text);
        }
    }

    [Theory]
    [InlineData("CryptoNative_EnsureOpenSslInitialized", 0)]
    [InlineData("CryptoNative_GetMaxMdSize", 64)] // EVP_MAX_MD_SIZE
    [InlineData("__wrap_gethostbyname", 0)]
    public void The_others_answer(string name, int answer) => Assert.Equal(answer, ((delegate* unmanaged<int>)_image[name])());

    [Fact]
    public void Each_function_that_is_wrapped_has_its_stub() =>
        Assert.Equal(CryptographyStubs.Wrapped.Select(name => $"__wrap_{name}"), CryptographyStubs.WithOpenSsl().Select(stub => stub.Name));

    private int Draw(string name, bool hasContext, byte* start, int length) => hasContext
        ? ((delegate* unmanaged<void*, byte*, nuint, uint, int>)_image[name])(null, start, (nuint)length, 256)
        : ((delegate* unmanaged<byte*, int, int>)_image[name])(start, length);
}
