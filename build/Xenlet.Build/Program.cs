using System.Runtime.InteropServices;
using Xenlet.Build;

int signalled = 0;
using CancellationTokenSource stop = new();
void Stop(PosixSignalContext context, int number)
{
    // A second signal has its default effect.
    context.Cancel = Interlocked.CompareExchange(ref signalled, number, 0) == 0;
    stop.Cancel();
}

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, 2));
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, 15));
using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Stop(context, 1));

try
{
    BuildCommand command = CommandLineReader.Read(args);
    return await new Tool(Repository.Containing(AppContext.BaseDirectory), stop.Token).ExecuteAsync(command);
}
catch (BuildException failure)
{
    Console.Error.WriteLine($"build: {failure.Message}");
    return failure.ExitStatus;
}
catch (OperationCanceledException) when (signalled != 0)
{
    return 128 + signalled;
}
