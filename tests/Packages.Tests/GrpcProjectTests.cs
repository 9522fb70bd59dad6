using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Grpc.Core;
using Grpc.Net.Client;

namespace Xenlet.Packages.Tests;

/// <summary>A gRPC service.</summary>
[Trait("Category", "Soak")]
public sealed partial class GrpcProjectTests
{
    /// <summary>The template's messages: a text in field 1 (the wire format of Protocol Buffers), here of less than 128 bytes.</summary>
    private static readonly Marshaller<string> Message = Marshallers.Create(
        text => [0x0A, (byte)Encoding.UTF8.GetByteCount(text), .. Encoding.UTF8.GetBytes(text)],
        bytes => Encoding.UTF8.GetString(bytes[2..]));

    private static readonly Method<string, string> SayHello = new(MethodType.Unary, "greet.Greeter", "SayHello", Message, Message);

    private static readonly Method<string, string> Unknown = new(MethodType.Unary, "greet.Greeter", "SayNothing", Message, Message);

    [Fact]
    public async Task The_template_of_dotnet_with_one_line_more_answers_a_client_on_this_machine()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        (await workplace.DotNetAsync("greeter", ["new", "grpc", "--aot", "--no-restore"])).AssertSucceeded();
        workplace.AddSdk("greeter/greeter.csproj");

        // The template's own version is years old, and not every feed keeps it.
        string project = await File.ReadAllTextAsync(workplace.PathOf("greeter/greeter.csproj"));
        string clientVersion = typeof(GrpcChannel).Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>()!.Version;
        workplace.Write("greeter/greeter.csproj", ServerVersion().Replace(project, Version.Parse(clientVersion).ToString(3)));

        PublishedGuest guest = await workplace.PublishAsync("greeter");

        await guest.ServeMachineAsync(8080, memory: 128, async address =>
        {
            using GrpcChannel channel = GrpcChannel.ForAddress(address);
            CallInvoker client = channel.CreateCallInvoker();
            Assert.Equal("Hello Xen", await FirstAnswerAsync(client));
            string[] answers = await Task.WhenAll(
                Enumerable.Range(0, 50).Select(number => CallAsync(client, SayHello, $"caller {number}")));
            Assert.Equal(Enumerable.Range(0, 50).Select(number => $"Hello caller {number}"), answers);
            RpcException refused = await Assert.ThrowsAsync<RpcException>(() => CallAsync(client, Unknown, "Xen"));
            Assert.Equal(StatusCode.Unimplemented, refused.StatusCode);
        });
    }

    /// <summary>Calls until the service is there.</summary>
    private static async Task<string> FirstAnswerAsync(CallInvoker client)
    {
        while (true)
        {
            try
            {
                return await CallAsync(client, SayHello, "Xen");
            }
            catch (RpcException failure) when (failure.StatusCode is StatusCode.Unavailable or StatusCode.Internal)
            {
                await Task.Delay(200);
            }
        }
    }

    private static async Task<string> CallAsync(CallInvoker client, Method<string, string> method, string request)
    {
        CallOptions options = new(deadline: DateTime.UtcNow.AddMinutes(2));
        using AsyncUnaryCall<string> call = client.AsyncUnaryCall(method, host: null, options, request);
        return await call.ResponseAsync;
    }

    [GeneratedRegex("""(?<=Include="Grpc\.AspNetCore" Version=")[^"]*""")]
    private static partial Regex ServerVersion();
}
