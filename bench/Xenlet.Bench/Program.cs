using System.Runtime.InteropServices;
using Xenlet.Bench;
using Xenlet.QemuXen;

if (args is ["help" or "--help" or "-h", ..])
{
    Console.Write(BenchOptions.Help);
    return 0;
}

BenchOptions options;
try
{
    options = BenchOptions.Parse(args);
}
catch (ArgumentException unknown)
{
    Console.Error.WriteLine($"bench: {unknown.Message}");
    return 2;
}

int signalled = 0;
using CancellationTokenSource stop = new();
void Stop(PosixSignalContext context, int number)
{
    // A second signal has its usual effect.
    context.Cancel = Interlocked.CompareExchange(ref signalled, number, 0) == 0;
    stop.Cancel();
}

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, 2));
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, 15));
try
{
    return await Measurement.RunAsync(options, Console.Out, Console.Error.WriteLine, stop.Token) ? 0 : 1;
}
catch (Exception failure) when (failure is BenchException or QemuXenException)
{
    Console.Error.WriteLine($"bench: {failure.Message}");
    return 1;
}
catch (OperationCanceledException) when (signalled != 0)
{
    return 128 + signalled;
}
