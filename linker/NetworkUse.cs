using System.Text;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// What a program uses of the network. The compiler has the function that starts it in the object file if the program may use sockets
/// (SocketUse of Xenlet.Domain), and leaves undefined what the program may call of System.Native, .NET's library.
/// </summary>
/// <param name="IsStarted">Whether the function is there.</param>
/// <param name="UsesSockets">Whether the program may make a socket.</param>
/// <param name="Others">What else of the network the program may use, in words for people: "host names, interfaces".</param>
public sealed record NetworkUse(bool IsStarted, bool UsesSockets, string Others)
{
    /// <summary>The function by which an image asks. C: <c>void* (void)</c>; null without a network.</summary>
    public const string Start = "xenlet_network_start";

    /// <summary>The compiler's name of the getter of SocketUse.AddressFamily.</summary>
    public const string Method = "Xenlet_Domain_Xenlet_Domain_SocketUse__get_AddressFamily";

    private const string Socket = "SystemNative_Socket";

    // Names: entrypoints.c of System.Native in dotnet/runtime.
    private static readonly (string Function, string Kind)[] OtherUses =
    [
        ("SystemNative_GetHostEntryForName", "host names"),
        ("SystemNative_GetNameInfo", "host names"),
        ("SystemNative_GetNetworkInterfaces", "interfaces"),
        ("SystemNative_EnumerateInterfaceAddresses", "interfaces"),
    ];

    /// <summary>Reads an object file.</summary>
    /// <param name="file">What the compiler wrote.</param>
    public static NetworkUse Read(ObjectFile file)
    {
        HashSet<string> defined = [], undefined = [];
        for (int i = 1; i < file.SymbolCount; i++)
        {
            ReadOnlySpan<byte> name = file.SymbolName(i);
            if (name.StartsWith("SystemNative_"u8) || name.StartsWith("Xenlet_Domain_"u8))
            {
                (file.SymbolSection(i) == ElfFormat.SHN_UNDEF ? undefined : defined).Add(Encoding.UTF8.GetString(name));
            }
        }

        string others = string.Join(", ", OtherUses.Where(use => undefined.Contains(use.Function)).Select(use => use.Kind).Distinct());
        return new NetworkUse(defined.Contains(Method), undefined.Contains(Socket), others);
    }

    /// <summary>The function by which the image asks for the start.</summary>
    public IEnumerable<Block> Stubs()
    {
        StubEmitter emitter = new(64);
        if (IsStarted)
        {
            emitter.LoadAddress(eax, Method);
        }
        else
        {
            emitter.Code.xor(eax, eax);
        }

        emitter.Code.ret();
        return [emitter.ToBlock(Start)];
    }
}
