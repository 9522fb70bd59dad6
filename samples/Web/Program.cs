using Xenlet.Samples.Web;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.WebHost.UseKestrelHttpsConfiguration();
builder.Services.ConfigureHttpJsonOptions(options =>
{
    options.SerializerOptions.TypeInfoResolverChain.Insert(0, Json.Default);
    options.SerializerOptions.RespectNullableAnnotations = true;
    options.SerializerOptions.RespectRequiredConstructorParameters = true;
});
builder.Services.Configure<HostOptions>(options =>
    options.ShutdownTimeout = TimeSpan.FromSeconds(builder.Configuration.GetValue("ShutdownSeconds", 30)));

WebApplication app = builder.Build();
app.UseDefaultFiles();
app.UseStaticFiles();
app.UseWebSockets();

app.MapStaticAssets();
app.MapGet("/hello/{name}", (string name, HttpRequest request) => new Greeting($"Hello, {name}!", request.Protocol));
app.MapPost("/sum", (Numbers numbers) => new Sum(numbers.Values.Sum(value => (long)value), numbers.Values.Length));
app.MapSlowRequests();
app.MapEcho();
app.MapFiles();
app.Run();
