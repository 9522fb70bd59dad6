using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Cryptography;

/// <summary>
/// The three native functions behind <see cref="System.Security.Cryptography.RandomNumberGenerator"/>, which on Linux are OpenSSL's. A
/// static image has no OpenSSL; random bytes need none, they are getrandom's. Everything else of OpenSSL stays missing, and .NET says
/// so with a <see cref="DllNotFoundException"/>.
/// </summary>
/// <remarks>
/// Signatures: src/native/libs/System.Security.Cryptography.Native of dotnet/runtime. A project that links OpenSSL itself
/// (StaticOpenSslLinking) does not get these: see Xenlet.Guest.props.
/// </remarks>
internal static unsafe partial class SystemRandom
{
    // EVP_MAX_MD_SIZE of OpenSSL: the class that draws random bytes asks for it when it is loaded.
    private const int MaximumDigestSize = 64;

    /// <summary>Fills a buffer; 1 when it is filled, as OpenSSL's RAND_bytes says.</summary>
    [UnmanagedCallersOnly(EntryPoint = "CryptoNative_GetRandomBytes")]
    private static int GetRandomBytes(byte* buffer, int count)
    {
        while (count > 0)
        {
            nint done = GetRandom(buffer, count, 0);
            if (done <= 0)
            {
                return 0;
            }

            buffer += done;
            count -= (int)done;
        }

        return 1;
    }

    /// <summary>Adds a region, which must not overlap another.</summary>
    [UnmanagedCallersOnly(EntryPoint = "CryptoNative_EnsureOpenSslInitialized")]
    private static int EnsureInitialized() => 0;

    [UnmanagedCallersOnly(EntryPoint = "CryptoNative_GetMaxMdSize")]
    private static int GetMaximumDigestSize() => MaximumDigestSize;

    [DllImport("libc", EntryPoint = "getrandom")]
    private static extern nint GetRandom(byte* buffer, nint count, uint flags);
}
