namespace Xenlet.Linker.Tests;

/// <summary>Whether an image has a network is read off the compiler's object, and told to the image and to its builder.</summary>
public sealed class NetworkUseTests : IDisposable
{
    private const string OtherMethod = "Xenlet_Domain_Xenlet_Domain_SocketUse__ToString";

    private readonly TargetsProject _project = new();

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("", "malloc", false, false, "")]
    [InlineData(NetworkUse.Method, "SystemNative_Socket", true, true, "")]
    [InlineData(NetworkUse.Method, "SystemNative_Socket SystemNative_GetNameInfo", true, true, "host names")]
    [InlineData(OtherMethod, "SystemNative_Socket", false, true, "")]
    [InlineData("", "SystemNative_GetHostEntryForName SystemNative_GetNameInfo", false, false, "host names")]
    [InlineData("", "SystemNative_GetNetworkInterfaces SystemNative_GetNameInfo", false, false, "host names, interfaces")]
    public void What_the_program_may_use_decides(string defined, string undefined, bool isStarted, bool usesSockets, string others) =>
        Assert.Equal(
            new NetworkUse(isStarted, usesSockets, others), NetworkUse.Read(new ObjectFile("app.o", Write(defined, undefined))));

    [Theory]
    [InlineData("", "malloc", "network.o")]
    [InlineData(NetworkUse.Method, "SystemNative_Socket SystemNative_GetNameInfo", "network.o")]
    [InlineData(NetworkUse.Method, "SystemNative_Socket", "--defsym=xenlet_socket_use=2")]
    [InlineData(OtherMethod, "SystemNative_Socket", "error XENLET030: the program may use sockets")]
    [InlineData("", "SystemNative_GetNameInfo", "warning XENLET031: the program may ask for host names and uses no sockets")]
    public void A_publish_links_the_stub_or_says_what_is_missing(string defined, string undefined, string expected)
    {
        (int status, string output) = _project.Run(
            "Sdk/Xenlet.Network.targets", Write(defined, undefined), "XenletNetwork;Show", body: """
            <Target Name="Show">
              <Message Importance="high" Text="[@(LinkerArg)]" />
            </Target>
            """);
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Equal(expected.StartsWith("error", StringComparison.Ordinal), status != 0);
        Assert.Equal(expected.Contains("XENLET", StringComparison.Ordinal), output.Contains("XENLET", StringComparison.Ordinal));
        Assert.Equal(
            status == 0 && undefined.Contains("SystemNative_Socket", StringComparison.Ordinal),
            output.Contains("xenlet_socket_use", StringComparison.Ordinal));
        Assert.True(status != 0 || File.Exists(_project["network.o"]), "no stub was written");
    }

    /// <summary>The stub refers to the compiler's function, or gives a null pointer.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_image_is_given_the_functions_address(bool isStarted)
    {
        Block stub = Assert.Single(new NetworkUse(isStarted, true, "").Stubs());
        Assert.Equal(NetworkUse.Start, stub.Name);
        Assert.Equal(isStarted ? [NetworkUse.Method] : [], stub.Relocations.Select(each => each.Symbol));
        Assert.Equal(isStarted ? 0xB8 : 0x31, stub.Bytes[0]); // mov eax, imm32; xor eax, eax
    }

    private static byte[] Write(string defined, string undefined) => CryptographyObject.Write(
        undefined.Split(' ', StringSplitOptions.RemoveEmptyEntries), defined.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
