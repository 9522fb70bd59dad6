using System.Diagnostics;
using Xenlet.QemuXen;

var sw = Stopwatch.StartNew();
await using var m = await XenMachine.StartAsync(new() { Dom0Directory = "/tmp/qx/dom0", Progress = new P() });
Console.WriteLine($"{sw.Elapsed} up");
async Task R(string c) { var t = Stopwatch.StartNew(); var r = await m.RunInDom0Async(c); Console.WriteLine($"{t.ElapsedMilliseconds} ms [{c}] -> {r}"); }
foreach (var a in args) { await R(a); }
internal sealed class P : IProgress<string> { public void Report(string value) => Console.WriteLine(value); }
