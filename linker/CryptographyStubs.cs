using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Xenlet.Linker.LeafFunctions;

namespace Xenlet.Linker;

/// <summary>
/// The functions that give cryptography its random numbers: getrandom's, whatever else is linked. They are an object file of their own,
/// since which of them an image may have depends on whether it has OpenSSL.
/// </summary>
public static class CryptographyStubs
{
    /// <summary>C: <c>int32_t (uint8_t* buffer, int32_t count)</c>; 1 when the buffer is filled, else 0.</summary>
    public const string GetRandomBytes = "CryptoNative_GetRandomBytes";

    /// <summary>C: <c>int32_t (void)</c>; 0 when it is initialised.</summary>
    public const string EnsureInitialized = "CryptoNative_EnsureOpenSslInitialized";

    /// <summary>C: <c>int32_t (void)</c>.</summary>
    public const string GetMaximumDigestSize = "CryptoNative_GetMaxMdSize";

    /// <summary>C: <c>uint64_t (int32_t* isAllocationFailure)</c>; 0 when nothing is known of an error.</summary>
    public const string GetError = "CryptoNative_ErrGetExceptionError";

    /// <summary>C: <c>void (uint64_t error, char* buffer, int32_t size)</c>.</summary>
    public const string DescribeError = "CryptoNative_ErrErrorStringN";

    // EVP_MAX_MD_SIZE of OpenSSL's evp.h.
    private const int MaximumDigestSize = 64;

    // asm/unistd_64.h, asm-generic/errno-base.h.
    private const int GetRandomCall = 318, Interrupted = -4;

    /// <summary>The functions below .NET's RandomNumberGenerator, for an image without OpenSSL.</summary>
    /// <returns>The blocks.</returns>
    /// <remarks>Signatures: pal_err.h, pal_evp.h and openssl.h of System.Security.Cryptography.Native in dotnet/runtime.</remarks>
    public static IEnumerable<Block> WithoutOpenSsl() =>
    [
        Fill(GetRandomBytes),
        Return(EnsureInitialized, 0),
        Return(GetMaximumDigestSize, MaximumDigestSize),
        Function(GetError, static c =>
        {
            c.mov(__dword_ptr[rdi], 0);
            c.xor(eax, eax);
            c.ret();
        }),
        Function(DescribeError, static c =>
        {
            // .NET asks for no text when there is no error; an empty one then, as OpenSSL's part of .NET gives after its end.
            Label end = c.CreateLabel();
            c.test(edx, edx);
            c.jle(end);
            c.mov(__byte_ptr[rsi], 0);
            c.Label(ref end);
            c.ret();
        }),
    ];

    /// <summary>The functions below .NET's hashes and RandomNumberGenerator, for an image that has OpenSSL's digests alone.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> WithDigests() =>
        [.. WithoutOpenSsl().Where(block => block.Name != GetError), .. DigestStubs.Assemble()];

    /// <summary>
    /// Functions that other parts of an image with OpenSSL call and ld has to redirect (<c>--wrap</c>) to <see cref="WithOpenSsl"/>: those
    /// of OpenSSL that draw random numbers, whose generator would give the same ones in every domain that is restored from one saved
    /// image; and gethostbyname, which OpenSSL keeps for programs older than getaddrinfo: .NET is none, and ld warns of it.
    /// </summary>
    public static IReadOnlyList<string> Wrapped { get; } =
        ["RAND_bytes", "RAND_priv_bytes", "RAND_bytes_ex", "RAND_priv_bytes_ex", "gethostbyname"];

    /// <summary>What takes the place of <see cref="Wrapped"/>, in the same order.</summary>
    /// <returns>The blocks.</returns>
    /// <remarks>Signatures: openssl/rand.h and netdb.h.</remarks>
    public static IEnumerable<Block> WithOpenSsl() =>
    [
        Fill(Wrap(Wrapped[0])),
        Fill(Wrap(Wrapped[1])),
        FillForContext(Wrap(Wrapped[2])),
        FillForContext(Wrap(Wrapped[3])),
        Return(Wrap(Wrapped[4]), 0),
    ];

    private static string Wrap(string name) => "__wrap_" + name;

    private static Block Return(string name, int value) => Function(name, c =>
    {
        c.mov(eax, value);
        c.ret();
    });

    /// <summary>C: <c>int (unsigned char* buffer, int count)</c>.</summary>
    private static Block Fill(string name) => Function(name, static c =>
    {
        c.movsxd(rsi, esi);
        Fill(c);
    });

    /// <summary>C: <c>int (OSSL_LIB_CTX* context, unsigned char* buffer, size_t count, unsigned int strength)</c>.</summary>
    private static Block FillForContext(string name) => Function(name, static c =>
    {
        c.mov(rdi, rsi);
        c.mov(rsi, rdx);
        Fill(c);
    });

    /// <summary>Fills rsi bytes from rdi on. syscall leaves the registers of its arguments as they are.</summary>
    private static void Fill(Assembler c)
    {
        Label again = c.CreateLabel(), filled = c.CreateLabel(), failed = c.CreateLabel();
        c.xor(edx, edx);
        c.Label(ref again);
        c.test(rsi, rsi);
        c.jle(filled);
        c.mov(eax, GetRandomCall);
        c.syscall();
        c.cmp(rax, Interrupted);
        c.je(again);
        c.test(rax, rax);
        c.jle(failed);
        c.add(rdi, rax);
        c.sub(rsi, rax);
        c.jmp(again);
        c.Label(ref filled);
        c.mov(eax, 1);
        c.ret();
        c.Label(ref failed);
        c.xor(eax, eax);
        c.ret();
    }
}
